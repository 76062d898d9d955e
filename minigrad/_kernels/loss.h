/* The inner loops of loss.pyx, for both types. */
#ifndef MINIGRAD_LOSS_H
#define MINIGRAD_LOSS_H

#include <math.h>

#define TEMPLATE "loss_rows.h"
#include "both_types.h"
#endif
