// Sorts and filters the table of trials. What a reader chose stays when the live page renews it.
const chosen = { column: null, isUp: true, words: "", state: "" };

function amount(text) {
  const number = parseFloat(text);
  return Number.isFinite(number) ? number : null;
}

function compare(one, other) {
  const a = amount(one), b = amount(other);
  if (a !== null && b !== null) return a - b;
  if (a !== null || b !== null) return a !== null ? -1 : 1;
  return one.localeCompare(other);
}

// A word is text of the row, or a comparison of a column such as epochs>3.
function matches(row, heads, word) {
  const parts = /^(.+?)(<=|>=|<|>|=)(.+)$/.exec(word);
  const column = parts ? heads.findIndex((head) => head.replace(/ /g, "_") === parts[1]) : -1;
  if (column < 0) return row.textContent.toLowerCase().includes(word);
  const cell = row.cells[column].textContent, order = compare(cell, parts[3]);
  if (parts[2] !== "=" && amount(cell) === null) return false;
  return { "<": order < 0, ">": order > 0, "<=": order <= 0, ">=": order >= 0, "=": order === 0 }[parts[2]];
}

function sort(table) {
  if (chosen.column === null) return;
  const rows = [...table.tBodies[0].rows], index = chosen.column, sign = chosen.isUp ? 1 : -1;
  rows.sort((one, other) => {
    const a = one.cells[index].textContent, b = other.cells[index].textContent;
    const isEmpty = (text) => text === "-" || text === "";
    if (isEmpty(a) !== isEmpty(b)) return isEmpty(a) ? 1 : -1;
    return sign * compare(a, b);
  });
  table.tBodies[0].append(...rows);
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    if (place === index) head.setAttribute("aria-sort", chosen.isUp ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  });
}

function filter(table, heads, count) {
  const words = chosen.words.toLowerCase().split(/\s+/).filter(Boolean);
  const place = heads.indexOf("state");
  let shown = 0;
  for (const row of table.tBodies[0].rows) {
    const isState = !chosen.state || row.cells[place].textContent.startsWith(chosen.state);
    row.hidden = !(isState && words.every((word) => matches(row, heads, word)));
    shown += row.hidden ? 0 : 1;
  }
  count.textContent = `${shown} of ${table.tBodies[0].rows.length}`;
}

function prepareTable() {
  const table = document.querySelector("table.trials");
  if (!table) return;
  const cells = [...table.tHead.rows[0].cells];
  const heads = cells.map((cell) => cell.textContent);
  const bar = document.createElement("form");
  bar.className = "filter";
  bar.dataset.keep = "filter";
  bar.innerHTML = '<label>filter <input type="search" spellcheck="false" ' +
    'placeholder="text, epochs&gt;3, at_epoch=2"></label>' +
    '<label>state <select><option value="">all</option></select></label><output></output>';
  const [words, state, count] = bar.querySelectorAll("input, select, output");
  const states = new Set([...table.tBodies[0].rows].map((row) => row.cells[heads.indexOf("state")].textContent.split(":")[0]));
  for (const name of states) state.add(new Option(name, name));
  if (chosen.state && !states.has(chosen.state)) state.add(new Option(chosen.state, chosen.state));
  words.value = chosen.words;
  state.value = chosen.state;
  const apply = () => { chosen.words = words.value; chosen.state = state.value; filter(table, heads, count); };
  bar.addEventListener("input", apply);
  bar.addEventListener("submit", (event) => event.preventDefault());
  table.parentElement.before(bar);
  cells.forEach((cell, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = cell.textContent;
    button.addEventListener("click", () => {
      chosen.isUp = chosen.column === place ? !chosen.isUp : true;
      chosen.column = place;
      sort(table);
    });
    cell.replaceChildren(button);
  });
  sort(table);
  filter(table, heads, count);
}
