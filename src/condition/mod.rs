//! Conditions: one predicate tree, several ways to write it (CEL, Mongo filters, AppEngine's operators), and why a leaf said no.
