"""Questions: named queries and what answers them, safely, in the form that is wanted."""
