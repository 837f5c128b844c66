//! Who someone is: tokens of our own, an issuer's JSON Web Tokens, and the flows by which people and programs obtain them.
