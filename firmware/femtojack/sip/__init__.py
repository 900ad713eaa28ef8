"""SIP (RFC 3261), SDP (RFC 4566, 3264) and RTP (RFC 3550), sans-IO: bytes and time in, bytes and events out.

Text on the wire stays bytes: their methods mean the same in every interpreter, and any octet survives.
"""
