// Renews the page: asks for what changed since its version, and puts only that in place.
const live = JSON.parse(document.getElementById("live").textContent);
const RETRY_MS = 2000;
let version = live.version;

function notice(text) {
  let bar = document.getElementById("notice");
  if (!bar) {
    bar = document.createElement("p");
    bar.id = "notice";
    bar.setAttribute("role", "status");
    document.querySelector("header").append(bar);
  }
  bar.hidden = !text;
  bar.textContent = text;
}

function fromHtml(text) {
  const template = document.createElement("template");
  template.innerHTML = text;
  return template.content.firstElementChild;
}

// Figures are drawn anew in their old places, so that zoom and hidden traces stay.
function adopt(old, fresh) {
  for (const place of fresh.querySelectorAll(".plot")) {
    const before = old.querySelector(`.plot[data-figure="${place.dataset.figure}"]`);
    if (!before || !before.data) continue;
    before.style.cssText = place.style.cssText;
    before.drawnFrom = null;
    place.replaceWith(before);
  }
  const isOpen = [...old.querySelectorAll("details")].map((one) => one.open);
  fresh.querySelectorAll("details").forEach((one, index) => { one.open = Boolean(isOpen[index]); });
}

// Returns a function that gives the focus back to the element like the one that has it now.
function heldFocus() {
  const focus = document.activeElement, part = focus && focus.closest("nav, main > section");
  if (!part) return () => {};
  const labelOf = (one) => one.tagName + (one.getAttribute("aria-label") || (one.children.length ? "" : one.textContent));
  const label = labelOf(focus), caret = focus.selectionStart;
  const alike = () => {
    const place = part.id ? document.getElementById(part.id) : document.querySelector("nav");
    const all = place ? [...place.querySelectorAll("a, button, input, select, summary, [tabindex]")] : [];
    return all.filter((one) => labelOf(one) === label);
  };
  const index = alike().indexOf(focus);
  return () => {
    const again = alike()[index];
    if (focus.isConnected || !again) return;
    again.focus({ preventScroll: true });
    if (caret != null) again.setSelectionRange(caret, caret);
  };
}

function place(names, sections) {
  const main = document.querySelector("main");
  const scrolled = new Map([...document.querySelectorAll("section .scroll")].map((one, index) => [index, one.scrollLeft]));
  for (const old of [...main.children]) if (!names.includes(old.id)) old.remove();
  names.forEach((name, index) => {
    let section = document.getElementById(name);
    if (name in sections) {
      const fresh = fromHtml(sections[name]);
      if (section) { adopt(section, fresh); section.replaceWith(fresh); }
      section = fresh;
    }
    if (main.children[index] !== section) main.insertBefore(section, main.children[index] || null);
  });
  if ("trials" in sections) { prepareTable(); offerActions(); }
  document.querySelectorAll("section .scroll").forEach((one, index) => { one.scrollLeft = scrolled.get(index) || 0; });
  if (window.Plotly) draw(isDark.matches);
}

function renew(answer) {
  version = answer.version;
  const giveBack = heldFocus();
  document.getElementById("heading").innerHTML = answer.heading;
  const nav = document.querySelector("nav");
  nav.replaceChildren(...answer.links.map(([name, title]) => {
    const link = document.createElement("a");
    link.href = `#${name}`;
    link.textContent = title;
    return link;
  }));
  linkBack();
  place(answer.links.map(([name]) => name), answer.sections);
  giveBack();
}

function linkBack() {
  if (!live.has_others || live.base === "/") return;
  const link = document.createElement("a");
  link.href = "/";
  link.textContent = "all experiments";
  document.querySelector("nav").prepend(link);
}

async function follow() {
  for (;;) {
    try {
      const answer = await fetch(`${live.base}changes?since=${version}`);
      if (answer.status === 403) { notice("automl watch was started again; open the address that it printed."); return; }
      const content = await answer.json();
      notice("");
      if (content.version !== version) renew(content);
    } catch (error) {
      notice("automl watch has ended: this page no longer changes. Start it again to follow the search.");
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }
}

// By hand: a trial is stopped or added. What comes of it is in the journal, and so on the page.
async function send(content) {
  const answer = await fetch(`${live.base}requests`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Automl-Token": live.token },
    body: JSON.stringify(content),
  });
  if (answer.status === 403) return [await answer.text()];
  const told = await answer.json();
  if (answer.ok) {
    said(told.state === "running" ? "Asked. It is carried out at the next epoch." : "Kept until the experiment is resumed.");
    return [];
  }
  return (told.errors || [told.error]).map((one) => one.message);
}

function said(text) {
  const place = document.querySelector(".by-hand output");
  if (place) place.textContent = text;
}

function button(text, act, label) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button";
  made.textContent = text;
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

async function stop(number) {
  if (!confirm(`Stop trial ${number} for good? It keeps the epochs that it has trained.`)) return;
  said((await send({ action: "stop", trial: number })).join(" "));
}

function offerActions() {
  const table = document.querySelector("table.trials");
  if (!live.may_act || !table) return;
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const trial = heads.indexOf("trial"), state = heads.indexOf("state");
  const head = document.createElement("th");
  head.textContent = "by hand";
  table.tHead.rows[0].append(head);
  for (const row of table.tBodies[0].rows) {
    const cell = row.insertCell(), number = parseInt(row.cells[trial].textContent, 10);
    cell.className = "by-hand";
    if (["running", "paused", "interrupted"].includes(row.cells[state].textContent)) {
      cell.append(button("stop", () => stop(number), `stop trial ${number}`), " ");
    }
    cell.append(button("add one like it", () => openForm(number), `add a trial like trial ${number}`));
  }
  const bar = document.createElement("p");
  bar.className = "by-hand";
  bar.append(button("add a trial", () => openForm("")), " ", document.createElement("output"));
  table.parentElement.before(bar);
}

async function openForm(like) {
  const giveBack = heldFocus();
  const form = await (await fetch(`${live.base}form?like=${like}`)).json();
  const dialog = document.createElement("dialog");
  const title = form.like === null ? "Add a trial" : `Add a trial like trial ${form.like}`;
  dialog.setAttribute("aria-label", title);
  dialog.innerHTML = '<form method="dialog"><h3></h3><p class="muted">Empty: switched off by the others, ' +
    'or their default.</p><div class="fields"></div><p class="faults" role="alert"></p><p class="send"></p></form>';
  dialog.querySelector("h3").textContent = title;
  const inputs = form.fields.map((field) => addField(dialog.querySelector(".fields"), field));
  const submit = button("add", async () => {
    const values = {};
    for (const [key, input, before] of inputs) if (input.value !== before) values[key] = input.value;
    const faults = await send({ action: "add", like: form.like, values });
    dialog.querySelector(".faults").textContent = faults.join(" ");
    if (!faults.length) dialog.close();
  });
  dialog.querySelector(".send").append(submit, " ", button("cancel", () => dialog.close()));
  dialog.addEventListener("close", () => { dialog.remove(); giveBack(); });
  document.body.append(dialog);
  dialog.showModal();
}

function addField(place, field) {
  const label = document.createElement("label");
  const shown = field.value === null || field.value === undefined ? "" : JSON.stringify(field.value);
  const input = document.createElement(field.choices ? "select" : "input");
  if (field.choices) {
    const plain = (choice) => typeof choice === "string" ? choice : JSON.stringify(choice);
    if (shown === "") input.append(new Option("", ""));
    for (const choice of field.choices) input.append(new Option(plain(choice), JSON.stringify(choice)));
  }
  input.value = shown;
  label.append(field.key, input);
  if (!field.choices) {
    const hint = document.createElement("small");
    hint.textContent = field.allowed;
    label.append(hint);
  }
  place.append(label);
  return [field.key, input, shown];
}

linkBack();
offerActions();
follow();
