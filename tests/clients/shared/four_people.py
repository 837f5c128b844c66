"""Who asks for what is in the domain sales: a token of each.

POLDER_SELLER_TOKEN   of someone who owns the domain and its connections
POLDER_MEMBER_TOKEN   of someone who sees rows of NL, masked, and may read volumes
POLDER_PII_TOKEN      of someone who sees all rows in clear, and may read volumes
POLDER_OUTSIDER_TOKEN of someone who may know of nothing
"""

import os

PEOPLE = {
    "owner": os.environ["POLDER_SELLER_TOKEN"],
    "member": os.environ["POLDER_MEMBER_TOKEN"],
    "pii": os.environ["POLDER_PII_TOKEN"],
    "outsider": os.environ["POLDER_OUTSIDER_TOKEN"],
}
