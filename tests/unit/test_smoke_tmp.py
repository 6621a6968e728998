import time
from tests.unit import engine
def test_a(stores, clock):
    print(engine.items("sessions"), engine.messages("mail"), engine.environment("SignupFunction", CaptchaVerifier="local"))
    print(len(engine.everything()))
def test_b(stores, clock): pass
def test_c(stores, clock): pass
