"""This project's canceller, as a peer among peers."""

from functools import partial

from femtohost.canceller import EchoCanceller
from femtohost.measure.peers import Peer

PLAIN = Peer("femtojack", EchoCanceller)
WITH_NLP = Peer("femtojack+NLP", partial(EchoCanceller, nlp=True), note="without comfort noise", timed=False)
