// Keyboard scan codes: keys are named by their set-1 code, wires carry set 2, and the controller translates.
#pragma once

#include <cstdint>

namespace ringfold {

// What an 8042 makes of a byte from the keyboard when translation is on; 0xF0 is not in the table's domain.
uint8_t translate_set2_to_set1(uint8_t byte);
// The inverse for key codes 1 to 0x7f; 0 if set 2 has no such key.
uint8_t set2_from_set1(uint8_t set1);

}  // namespace ringfold
