"""State machines as tables: what a state accepts, where it may lead, and the one function that is the state.

    table = {STATE: ((event, ...), (next state, ...), handler), ...}

`handler(event, arg, now)` does all that the state does. States and events are short strings, as the trace shows
them. An event that the state does not accept is counted and dropped: it came from the wire or from a person.
"""


class Fsm:
    """One machine. `trace(point, data)` sees every change of state as b"OLD>NEW"."""

    def __init__(self, name, table, state, trace):
        self._name = name
        self._table = table
        self._trace = trace
        self.state = state
        self.unexpected = 0

    def dispatch(self, event, arg, now):
        """Give `event` to the present state. False when the state does not accept it."""
        accepted, _, handler = self._table[self.state]
        if event not in accepted:
            self.unexpected += 1
            return False
        handler(event, arg, now)
        return True

    def go(self, state):
        """Change state; one that the table does not allow from here is a programming error."""
        if state not in self._table[self.state][1]:
            raise ValueError(f"{self._name}: no way from {self.state} to {state}")
        self._trace(self._name, f"{self.state}>{state}".encode())
        self.state = state


class SharedFsm(Fsm):
    """One of many machines of a kind: all have one constant table, whose handlers take their owner first.

    A table of its own for each of a dozen calls would be most of what a call takes of the heap.
    """

    def __init__(self, name, table, state, trace, owner):
        super().__init__(name, table, state, trace)
        self._owner = owner

    def dispatch(self, event, arg, now):
        accepted, _, handler = self._table[self.state]
        if event not in accepted:
            self.unexpected += 1
            return False
        handler(self._owner, event, arg, now)
        return True
