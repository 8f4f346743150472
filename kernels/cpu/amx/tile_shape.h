// What the kernels of this folder ask of tiles: the instructions (amx/tiles.h), or what the manual
// says that they do in plain words, for tests.
//   Tiles(shapes)                  configures the tiles 0, 1, …; its destructor gives them back
//   zero<t>(), load<t>(p, stride), store<t>(p, stride)
//   dot<to, a, b>()                to += a (signed bytes) × b (unsigned bytes)
//   bf16_dot<to, a, b>()           to += a × b, of BF16 pairs
#pragma once

namespace weft::cpu::amx {
namespace {

// What a tile is configured to. Both zero: it is not used.
struct TileShape {
  int rows;
  int row_bytes;
};
inline constexpr int kMostTiles = 8;

}  // namespace
}  // namespace weft::cpu::amx
