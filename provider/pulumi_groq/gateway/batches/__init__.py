"""Files and batches: half-price requests that the upstream serves within a day or a week.

An input file is judged line by line while it is uploaded. Creating a batch reserves the worst case of all its
lines at the batch price, and holds it until the results are read: through restarts, for as long as it takes.
What the results state is then booked, a row a line. Files and batches belong to their key's lineage.
"""
