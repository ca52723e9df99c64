"""What we do with a program: rewrite rules, folding, fusion, gradient, memory planning, lowering to loops."""
