# Builds the libraries and the command, and installs them: docs/install.md.
#
#   make && sudo make install      to /usr/local; `make uninstall` with the same variables removes all of it
#   make COMMAND=no install        without the command `lookaside`, whose build takes minutes

# Where to. DESTDIR goes in front of each, for packages.
DESTDIR    ?=
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
DOCDIR     ?= $(DATADIR)/doc/lookaside

# Whether with the command.
COMMAND ?= yes
# Another system to build for, as rustc names it, and the prefix of the binutils for it.
TARGET   ?=
BINUTILS ?=

CARGO            ?= cargo
CARGO_FLAGS      ?= --locked
CARGO_TARGET_DIR ?= target
BUILT             = $(CARGO_TARGET_DIR)/install/$(or $(TARGET),host)

INSTALL = DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' BINDIR='$(BINDIR)' LIBDIR='$(LIBDIR)' INCLUDEDIR='$(INCLUDEDIR)' \
          DATADIR='$(DATADIR)' MANDIR='$(MANDIR)' DOCDIR='$(DOCDIR)' COMMAND='$(COMMAND)' BUILT='$(BUILT)' \
          packaging/install.sh
BUILD   = COMMAND='$(COMMAND)' TARGET='$(TARGET)' BINUTILS='$(BINUTILS)' CARGO='$(CARGO)' CARGO_FLAGS='$(CARGO_FLAGS)' \
          CARGO_TARGET_DIR='$(CARGO_TARGET_DIR)' BUILT='$(BUILT)' packaging/build.sh

all: $(BUILT)/command-$(COMMAND)

# As a file, so that `sudo make install`, which may lack cargo, builds nothing again.
$(BUILT)/command-$(COMMAND): $(shell find Cargo.* .cargo include lookaside-*/ packaging/build.sh -type f)
	$(BUILD)
	touch $@

install: all
	$(INSTALL) install

uninstall:
	$(INSTALL) uninstall

.PHONY: all install uninstall
