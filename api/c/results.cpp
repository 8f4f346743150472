#include "api/c/boundary.h"
#include "api/c/handles.h"

using namespace weft::c;

extern "C" {

const char* weft_version(void) { return WEFT_VERSION; }

const char* weft_text_data(const weft_text* text) {
  return text != nullptr ? text->value.c_str() : "";
}
size_t weft_text_size(const weft_text* text) { return text != nullptr ? text->value.size() : 0; }
void weft_text_free(weft_text* text) { free_handle(text); }

const int32_t* weft_ids_data(const weft_ids* ids) {
  return ids != nullptr ? ids->value.data() : nullptr;
}
size_t weft_ids_count(const weft_ids* ids) { return ids != nullptr ? ids->value.size() : 0; }
void weft_ids_free(weft_ids* ids) { free_handle(ids); }

weft_status weft_cancel_new(weft_cancel** cancel, weft_error** error) {
  return guarded(error, [&]() -> weft::Result<void> {
    WEFT_TRY(given({{cancel, "cancel"}}));
    hand_out(cancel);
    return {};
  });
}
void weft_cancel_request(weft_cancel* cancel) {
  if (cancel != nullptr) cancel->value.cancel();
}
int32_t weft_cancel_is_requested(const weft_cancel* cancel) {
  return cancel != nullptr && cancel->value.is_cancelled() ? 1 : 0;
}
void weft_cancel_free(weft_cancel* cancel) { free_handle(cancel); }

}  // extern "C"
