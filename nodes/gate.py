"""Wait for the person. The only place that interrupts, and it does nothing else.

Whatever stands before an interrupt runs again on resume, and an answer is lost to whatever fails after it;
so nothing before it has an effect and nothing after it can fail.
"""

from langchain_core.messages import HumanMessage
from langgraph.types import interrupt

from lucy.graph.state import FinetuneWorkflowState, Update
from lucy.nodes.replies import make_payload, read_reply, show_reply


def wait_at_gate(state: FinetuneWorkflowState) -> Update:
    """Interrupt with the open proposal; the reply goes to interpret."""
    pending = state.get("pending")
    if pending is None:  # routed here by a thread that was edited from outside
        return {}
    reply = read_reply(interrupt(make_payload(pending)))
    text = show_reply(reply, pending)
    messages = [HumanMessage(text, id=f"{state.get('turn', 0)}-human")] if text else []
    return {"reply": reply, "messages": messages}
