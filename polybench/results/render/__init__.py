"""Tables of `polybench.results.tables` written out: one module for each form."""
