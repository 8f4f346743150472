// weft.h compiles as C++, by itself.
#include <weft/weft.h>

static_assert(WEFT_OK == 0);
