/* One step of the recurrent nets of recurrent.pyx, for both types. */
#ifndef MINIGRAD_RECURRENT_H
#define MINIGRAD_RECURRENT_H

#include <math.h>
#define TEMPLATE "recurrent_rows.h"
#include "both_types.h"

#endif
