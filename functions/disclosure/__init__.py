"""Brings what a processor may have to the processor: through the gate, over HTTPS, once recorded (queue)."""
