# For ports built with make: USER_C_MODULES=<this repository>/native/usermod
FEMTOVOICE_DIR := $(USERMOD_DIR)
FEMTOVOICE_CORE := $(wildcard $(FEMTOVOICE_DIR)/../../*.c)

SRC_USERMOD_C += $(FEMTOVOICE_DIR)/femtovoice.c
SRC_USERMOD_LIB_C += $(FEMTOVOICE_CORE)
CFLAGS_USERMOD += -I$(FEMTOVOICE_DIR)/../..

# Speed for the long loops, whatever the rest of the image is built for.
$(patsubst $(USER_C_MODULES)/%.c,$(BUILD)/%.o,$(FEMTOVOICE_CORE)): CFLAGS += -O2 -fno-tree-loop-distribute-patterns
