"""A board without a network says so once; the firmware then answers its calls itself."""


def none(own):
    print("femtojack: this board has no network: every call comes back to the caller (femtojack.call.loopback)")
    return None
