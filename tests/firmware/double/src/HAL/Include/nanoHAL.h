// The part of the double that has to do with a CLR that starts afresh.
#ifndef DOUBLE_NANOHAL_H
#define DOUBLE_NANOHAL_H

typedef void (*ON_SOFT_REBOOT_HANDLER)(void);
void HAL_AddSoftRebootHandler(ON_SOFT_REBOOT_HANDLER handler);

#endif
