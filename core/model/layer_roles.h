// Every role of a layer's tensors, as the member that a loader filled and the one that a backend's
// weight goes to: for whoever does the same with each.
#pragma once

#include <array>
#include <memory>
#include <utility>

#include "core/backend.h"
#include "core/model/tensors.h"

namespace weft {

template <class T>
using LayerRole = T LayerTensorsOf<T>::*;

using LayerRolePair = std::pair<LayerRole<HostTensor>, LayerRole<std::unique_ptr<Weight>>>;

// In the order in which they are loaded.
inline constexpr std::array kLayerRoles = {
    LayerRolePair{&LayerTensorsOf<HostTensor>::attn_norm,
                  &LayerTensorsOf<std::unique_ptr<Weight>>::attn_norm},
    LayerRolePair{&LayerTensorsOf<HostTensor>::wq, &LayerTensorsOf<std::unique_ptr<Weight>>::wq},
    LayerRolePair{&LayerTensorsOf<HostTensor>::wk, &LayerTensorsOf<std::unique_ptr<Weight>>::wk},
    LayerRolePair{&LayerTensorsOf<HostTensor>::wv, &LayerTensorsOf<std::unique_ptr<Weight>>::wv},
    LayerRolePair{&LayerTensorsOf<HostTensor>::bq, &LayerTensorsOf<std::unique_ptr<Weight>>::bq},
    LayerRolePair{&LayerTensorsOf<HostTensor>::bk, &LayerTensorsOf<std::unique_ptr<Weight>>::bk},
    LayerRolePair{&LayerTensorsOf<HostTensor>::bv, &LayerTensorsOf<std::unique_ptr<Weight>>::bv},
    LayerRolePair{&LayerTensorsOf<HostTensor>::q_norm,
                  &LayerTensorsOf<std::unique_ptr<Weight>>::q_norm},
    LayerRolePair{&LayerTensorsOf<HostTensor>::k_norm,
                  &LayerTensorsOf<std::unique_ptr<Weight>>::k_norm},
    LayerRolePair{&LayerTensorsOf<HostTensor>::wo, &LayerTensorsOf<std::unique_ptr<Weight>>::wo},
    LayerRolePair{&LayerTensorsOf<HostTensor>::bo, &LayerTensorsOf<std::unique_ptr<Weight>>::bo},
    LayerRolePair{&LayerTensorsOf<HostTensor>::ffn_norm,
                  &LayerTensorsOf<std::unique_ptr<Weight>>::ffn_norm},
    LayerRolePair{&LayerTensorsOf<HostTensor>::gate,
                  &LayerTensorsOf<std::unique_ptr<Weight>>::gate},
    LayerRolePair{&LayerTensorsOf<HostTensor>::up, &LayerTensorsOf<std::unique_ptr<Weight>>::up},
    LayerRolePair{&LayerTensorsOf<HostTensor>::down,
                  &LayerTensorsOf<std::unique_ptr<Weight>>::down},
};

}  // namespace weft
