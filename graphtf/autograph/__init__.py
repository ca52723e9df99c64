"""AutoGraph: Python control flow on tensors, rewritten into graph control flow before a function is traced."""
