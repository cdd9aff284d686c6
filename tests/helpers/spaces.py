"""Search spaces made of the nodes of a schema, and a hypothesis strategy that draws such nodes."""

from hypothesis import strategies as st

from automl.schema.schema import Schema
from automl.schema.spec import unflatten
from automl.space.build import space_from_schema


def build(properties, *, searched=None, **spec):
    schema = Schema(
        {
            "properties": properties,
            "automl_default_parameters": list(properties) if searched is None else searched,
        }
    )
    return space_from_schema(schema, unflatten({**schema.defaults(), **spec}))


def whole(default, low, high, **rest):
    return {"type": "int", "default": default, "minimum": low, "maximum": high, **rest}


def real(default, low, high, **rest):
    return {"type": "float", "default": default, "minimum": low, "maximum": high, **rest}


SIGNS = st.sampled_from([">", ">=", "<", "<=", "=="])


@st.composite
def families(draw):
    count = draw(st.integers(2, 4))
    nodes = {"on": {"type": "bool", "default": draw(st.booleans())}}
    for number in range(count):
        low = draw(st.integers(-2, 3))
        high = low + draw(st.integers(0, 4))
        node = whole(draw(st.integers(low, high)), low, high)
        if draw(st.booleans()):
            node["active_when"] = {"on": draw(st.booleans())}
        if number and draw(st.booleans()):
            node["depends_on"] = f"p{draw(st.integers(0, number - 1))}"
            node["math_cond"] = draw(SIGNS.map(lambda sign: f"{sign} depends_on") | st.just("/ 2"))
        elif draw(st.booleans()):
            node["math_cond"] = draw(st.sampled_from(["!= 0", "/ 2", "> 0", ">= 0 < 3", "^ 2"]))
        nodes[f"p{number}"] = node
    searched = [key for key in nodes if key == "on" or draw(st.integers(0, 4))]
    return nodes, searched
