//! Tells others what happened: signed webhooks, e-mail, tickets. Tried again until it arrived or is given up.
