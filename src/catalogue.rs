//! The names that the platform knows: events, triggers and their aliases, actions. Data only; flows, `evt dev` and the commands read it.
