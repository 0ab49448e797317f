//! Discovery: which groups, versions and resources there are, plain and aggregated.
