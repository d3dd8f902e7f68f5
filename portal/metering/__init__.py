"""Who did what: the request log, and the sums that every chart, quota and invoice uses."""
