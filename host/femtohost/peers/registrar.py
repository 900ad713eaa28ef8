"""Digest challenges (RFC 3261 22, RFC 7616 with MD5) and the registrar (RFC 3261 10) of the far end."""

from hashlib import md5

from sipmessage import URI, Address, AuthChallenge, AuthParameters, Parameters

from femtohost.clock import SECOND
from femtohost.peers.sip_message import response_to

REALM = "femtojack"
HEADERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


def digest(user, password, method, given):
    """The response of RFC 7616 3.4.1 for the parameters `given` (a mapping: realm, nonce, uri, qop, nc, cnonce)."""
    secret = _md5(user, given["realm"], password)
    what = _md5(method, given["uri"])
    if "qop" in given:
        return _md5(secret, given["nonce"], given["nc"], given["cnonce"], given["qop"], what)
    return _md5(secret, given["nonce"], what)


def _md5(*parts):
    return md5(":".join(parts).encode()).hexdigest()


class Authenticator:
    """Asks any user for a password. Nonces come from `rng` (numpy.random.Generator) and stay good."""

    def __init__(self, rng):
        self._rng = rng
        self._nonces = set()

    def refusal(self, request, code, password):
        """None when the request is welcome; else the response to it: a challenge with 401 or 407, or 403.

        No credentials, or an unknown nonce (then with stale=true): challenge. Wrong credentials: 403. A password of
        None lets everybody in.
        """
        if password is None:
            return None
        credentials = _credentials(request, HEADERS[code][1])
        if credentials.get("nonce") not in self._nonces:
            return self._challenge(request, code, stale="nonce" in credentials)
        return None if _proves(credentials, request, password) else response_to(request, 403)

    def _challenge(self, request, code, stale):
        nonce = self._rng.bytes(16).hex()
        self._nonces.add(nonce)
        parameters = AuthParameters(realm=REALM, nonce=nonce, algorithm="MD5", qop="auth")
        response = response_to(request, code, self._rng.bytes(4).hex())
        challenge = AuthChallenge("Digest", parameters.replace(stale="true") if stale else parameters)
        response.headers.set(HEADERS[code][0], str(challenge))
        return response


def _proves(given, request, password):
    try:
        expected = digest(given["username"], password, request.method, given)
        return (
            given["response"] == expected
            and given["realm"] == REALM
            and URI.parse(given["uri"]) == request.uri
            and given.get("qop", "auth") == "auth"
            and given.get("algorithm", "MD5").upper() == "MD5"
        )
    except (KeyError, ValueError):
        return False


def _credentials(request, header):
    """The Digest parameters of a header field as a mapping, empty when there are none that can be read."""
    scheme, _, parameters = request.headers.get(header, "").partition(" ")
    try:
        return AuthParameters.parse(parameters) if scheme.lower() == "digest" else {}
    except (ValueError, TypeError):
        return {}


class Registrar:
    """Keeps the contact of every user who registers."""

    def __init__(self, clock, rng, authenticator):
        self._clock, self._rng, self._authenticator = clock, rng, authenticator
        self._bindings = {}

    def contact(self, user):
        """The URI where `user` has registered and not expired, or None."""
        uri, expiry = self._bindings.get(user, (None, 0))
        return uri if expiry > self._clock.now else None

    def receive(self, transaction, reject, password, longest_s):
        """Answer one REGISTER: with the status `reject` if it is not None, with 401 until `password` (None: any) is
        proved, else with 200 and what was asked for, at most `longest_s`."""
        request = transaction.request
        if reject is not None:
            refusal = response_to(request, reject, self._rng.bytes(4).hex())
        else:
            refusal = self._authenticator.refusal(request, 401, password)
        transaction.respond(refusal if refusal is not None else self._accept(request, longest_s))

    def _accept(self, request, longest_s):
        user = request.to_address.uri.user
        try:
            self._bind(user, request, longest_s)
        except (ValueError, TypeError):
            return response_to(request, 400, self._rng.bytes(4).hex())
        response = response_to(request, 200, self._rng.bytes(4).hex())
        uri, expiry = self._bindings.get(user, (None, 0))
        left = (expiry - self._clock.now) // SECOND
        if left > 0:
            response.contact = [Address(uri, "", Parameters(expires=str(left)))]
            response.expires = left
        return response

    def _bind(self, user, request, longest_s):
        """RFC 3261 10.3: one binding a user; 0 s or `*` removes it, no Contact only asks."""
        if request.headers.get("Contact") == "*":
            self._bindings.pop(user, None)
            return
        for contact in request.contact:
            asked = contact.parameters.get("expires", request.headers.get("Expires", longest_s))
            seconds = min(int(asked), longest_s)
            self._bindings[user] = (contact.uri, self._clock.now + seconds * SECOND)
