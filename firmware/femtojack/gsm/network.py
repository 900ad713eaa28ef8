"""The GSM side of the box, joined: the cell, calls, texts and short codes of its phones, and their exchange."""

from femtojack.call.exchange import MOST_MEDIA, Exchange
from femtojack.gsm import number
from femtojack.gsm.cc import CallControl
from femtojack.gsm.cell import Cell
from femtojack.gsm.outbox import Outbox
from femtojack.gsm.sms import Transfers
from femtojack.gsm.texts import ACCEPTED, Texts
from femtojack.gsm.ussd import Ussd
from femtojack.ticks import earlier


class Visitor:
    """Looks whether a phone is there: gsm.connected, or gsm.lost with the cause of femtojack.gsm.rr, in the trace."""

    def __init__(self, trace):
        self._trace = trace

    def connected(self, connection, now):
        self._trace("gsm.connected", connection.subscriber.number.encode())
        connection.release(now)

    def lost(self, connection, cause, now):
        self._trace("gsm.lost", f"{connection.subscriber.number} {cause}".encode())


class GsmNetwork:
    """`control` is the call control of the line. `exchange` stands between it and the user agent."""

    def __init__(self, board, config, control):
        plan = config["gsm"]
        cell = self._cell = Cell(board, plan)
        self._agent = None
        calls = self._calls = CallControl(cell, board.voice, board.trace)
        self.exchange = Exchange(board, config, control, calls, cell.subscribers)
        centre = number.value(plan["service_centre"])
        transfers = self._transfers = Transfers(cell, bytes((len(centre),)) + centre, board.trace)
        self._texts = Texts(
            transfers, cell.subscribers, Outbox(board.store), plan["group_number"], plan["ring"] != "line", board.trace
        )
        Ussd(cell, self._line, board.trace)
        self._line_number = plan["line_number"]
        self._visitor = Visitor(board.trace)

    def bind(self, agent, has_network):
        """`agent` as Exchange.bind has it."""
        self._agent = agent
        self.exchange.bind(agent)
        if has_network:
            from femtojack.sip.pager import Pager

            agent.most_calls = MOST_MEDIA + 1  # and the line's
            self._texts.bind(Pager(agent, self._texts))

    def step(self, now):
        """Run what is due, then the cell, with what came from phones. `deadline` tells when there is more."""
        self._run(now)
        self._cell.run(now)

    def deadline(self, now):
        """The next deadline or None, after all else in the step: what others did may have started timers here."""
        upper = self._run(now)
        return earlier(upper, self._cell.deadline(now))

    def _run(self, now):
        return earlier(earlier(self.exchange.step(now), self._calls.step(now)), self._texts.step(now))

    @property
    def idle(self):
        """No call, no text on its way, every channel free."""
        busy = self.exchange.conversations or self._calls.calls or self._transfers.transfers
        return not busy and self._cell.idle

    def status(self):
        """The numbers of the registered phones, in the cell's order; calls of phones, and texts that wait."""
        phones = [subscriber.number for subscriber in self._cell.subscribers if subscriber.registered]
        return {"phones": phones, "calls": len(self._calls.calls), "texts": self._texts.waiting}

    def command(self, do, number, text):
        """What a tester asks for; what is begun is done in the next step.

        "phones": [{"number", "imsi", "imei", "registered"}], in the cell's order. "text": send `text` to a phone's
        `number`, from the line's; whether it waits for it. "page": look for a phone; whether it is looked for, and the
        trace tells (Visitor).
        """
        if do == "phones":
            return [
                {"number": one.number, "imsi": one.imsi, "imei": one.imei, "registered": one.registered}
                for one in self._cell.subscribers
            ]
        subscriber = self._cell.subscribers.find(number=number)
        if do == "text":
            return subscriber is not None and self._texts.text(number, self._line_number, text) == ACCEPTED
        found = subscriber and self._cell.connect(subscriber, self._visitor, self._cell.now)
        return found is not None

    def _line(self):
        """How the box is, for a phone that asks."""
        phones = len(self.status()["phones"])
        sip = "registered" if self._agent.registered else "not registered"
        return f"SIP {sip}, phones {phones}, calls {self.exchange.conversations}"
