//! Events as they were received, sent or raised.
