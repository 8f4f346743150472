#include "kernels/cpu/dispatch.h"

#include <array>
#include <string>

#include "core/platform/amx.h"
#include "core/platform/environment.h"
#include "kernels/cpu/scalar/table.h"
#if defined(WEFT_HAVE_AVX2)
#include "kernels/cpu/avx2/table.h"
#endif
#if defined(WEFT_HAVE_AVX512)
#include "kernels/cpu/avx512/table.h"
#endif
#if defined(WEFT_HAVE_AMX)
#include "kernels/cpu/amx/table.h"
#endif
#if defined(WEFT_HAVE_NEON)
#include "kernels/cpu/neon/table.h"
#endif

namespace weft::cpu {
namespace {

std::string names_of_supported(const CpuFeatures& features) {
  std::string names;
  for (const KernelTable* table : all_tables()) {
    if (!table->supported(features)) continue;
    if (!names.empty()) names += ", ";
    names += table->isa;
  }
  return names;
}

}  // namespace

#if defined(WEFT_HAVE_AVX512)
namespace {

template <auto kPlain, auto kLattices>
PackedLinearRun with_vbmi(DType type) {
  const PackedLinearRun run = (avx512_vbmi_kernels().*kLattices)(type);
  return run != nullptr ? run : (avx512_kernels().*kPlain).linear(type);
}

const KernelTable& avx512_table() {
  static const KernelTable kTable = [] {
    KernelTable table = avx2_table();
    table.isa = "avx512";
    table.supported = [](const CpuFeatures& f) {
      return avx2_table().supported(f) && f.avx512f && f.avx512bw && f.avx512dq && f.avx512vl &&
             f.avx512_vnni;
    };
    table.int16 = avx512_kernels().int16;
    table.int8 = avx512_kernels().int8;
    if (detect_cpu_features().avx512_vbmi) {
      table.int16.linear = with_vbmi<&Avx512Kernels::int16, &Avx512LatticeKernels::int16>;
      table.int8.linear = with_vbmi<&Avx512Kernels::int8, &Avx512LatticeKernels::int8>;
    }
    table.linear = avx512_linear;
    table.attend = avx512_attend;
    table.glu = avx512_glu;
    if (detect_cpu_features().avx512_bf16) table.bf16 = avx512_bf16_kernels();
    return table;
  }();
  return kTable;
}

}  // namespace
#endif

#if defined(WEFT_HAVE_AMX)
namespace {

const KernelTable& amx_table() {
  static const KernelTable kTable = [] {
    KernelTable table = avx512_table();
    table.isa = "amx";
    table.supported = [](const CpuFeatures& f) {
      return avx512_table().supported(f) && f.avx512_vbmi && f.amx_tile && f.amx_int8 &&
             platform::request_amx_tiles();
    };
    table.int16 = amx_kernels().int16;
    table.int8 = amx_kernels().int8;
    if (detect_cpu_features().amx_bf16) table.bf16 = amx_bf16_kernels();
    return table;
  }();
  return kTable;
}

}  // namespace
#endif

std::span<const KernelTable* const> all_tables() {
  static const std::array kTables = {
    &scalar_table(),
#if defined(WEFT_HAVE_AVX2)
    &avx2_table(),
#endif
#if defined(WEFT_HAVE_AVX512)
    &avx512_table(),
#endif
#if defined(WEFT_HAVE_AMX)
    &amx_table(),
#endif
#if defined(WEFT_HAVE_NEON)
    &neon_table(),
#endif
  };
  return kTables;
}

Result<const KernelTable*> choose_table(std::string_view isa, const CpuFeatures& features) {
  std::string origin = "isa";
  const std::string forced = platform::environment("WEFT_ISA");
  if (isa.empty()) {
    origin = "WEFT_ISA";
    isa = forced;
  }
  const KernelTable* best = nullptr;
  for (const KernelTable* table : all_tables()) {
    const bool supported = table->supported(features);
    if (isa.empty()) {
      if (supported) best = table;
      continue;
    }
    if (isa != table->isa) continue;
    if (supported) return table;
    return fail(ErrorCode::kUnsupported, origin + ": this processor cannot run '" +
                                             std::string(isa) + "'; it runs " +
                                             names_of_supported(features));
  }
  if (best != nullptr) return best;
  return fail(ErrorCode::kInvalidArgument, origin + ": no kernels named '" + std::string(isa) +
                                               "'; this machine runs " +
                                               names_of_supported(features));
}

}  // namespace weft::cpu
