/// What another library opens by name while it works.
extern "C" int companion() { return 7; }
