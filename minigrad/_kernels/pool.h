/* The inner loops of max pooling by windows of 2 x 2, for both types. */
#ifndef MINIGRAD_POOL_H
#define MINIGRAD_POOL_H

#include <math.h>

#define TEMPLATE "pool_pairs.h"
#include "both_types.h"
#endif
