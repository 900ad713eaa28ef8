"""Commands about the GSM side of a running box: who is registered, texts to phones, looking for a phone."""


class GsmCommandError(ValueError):
    """What cannot be done now: one line."""


class GsmCommands:
    """`commands` are functions (connection, request), as ControlServer has them."""

    def __init__(self, gateway):
        self._gateway = gateway
        self.commands = {"gsm-phones": self._phones, "gsm-text": self._text, "gsm-page": self._page}

    def _box(self):
        box = self._gateway.box
        if not box:
            raise GsmCommandError("the box is powered off; switch it on with: power on")
        if box.gsm is None:
            raise GsmCommandError("the box has no cell; set enabled = true in [gsm] of its configuration")
        return box

    def _phones(self, connection, request):
        connection.answer(self._box().app.gsm("phones"))

    def _text(self, connection, request):
        """{"number": ..., "text": ...}: the text waits at the box until the phone has taken it."""
        box = self._box()
        if not box.app.gsm("text", request["number"], request["text"]):
            raise GsmCommandError(self._unknown(box, request["number"]))
        box.processor.wake()
        connection.answer()

    def _page(self, connection, request):
        """{"number": ...}: answers True when the phone has answered, False when it has not."""
        box, number = self._box(), request["number"]
        if not box.app.gsm("page", number):
            raise GsmCommandError(self._unknown(box, number))
        told = []

        def watch(time, point, data):
            if point in ("gsm.connected", "gsm.lost") and data.decode().partition(" ")[0] == number:
                told.append(point == "gsm.connected")

        box.trace.on_record.append(watch)
        box.processor.wake()
        connection.when(
            box, lambda: told, result=lambda: told[0], release=lambda: box.trace.on_record.remove(watch)
        )  # fmt: skip

    def _unknown(self, box, number):
        numbers = [phone["number"] for phone in box.app.gsm("phones") if phone["registered"]]
        known = "registered are " + " ".join(numbers) if numbers else "no phone is registered"
        return f"{number} cannot be had now; {known}"
