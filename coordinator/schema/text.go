package schema

import (
	"encoding/binary"
	"fmt"
)

// Offsets makes text of a record of __consumer_offsets, Transactions of one of __transaction_state. A type of records that
// isn't known, and what can't be read, is said in the text of the key.
func Offsets(offset int64, key, value []byte) (keyText, valueText string, hasKey, hasValue bool) {
	return decode(groupRecords(), offset, key, value)
}

// Transactions is for __transaction_state; see [Offsets].
func Transactions(offset int64, key, value []byte) (keyText, valueText string, hasKey, hasValue bool) {
	return decode(transactionRecords(), offset, key, value)
}

// deleted is what stands for the value of a tombstone.
const deleted = "<DELETE>"

func decode(records map[int16]record, offset int64, key, value []byte) (keyText, valueText string, hasKey, hasValue bool) {
	if len(key) < 2 {
		return fmt.Sprintf("Error at offset %d, skipping. The key has no type.", offset), "", true, false
	}
	kind := int16(binary.BigEndian.Uint16(key))
	known, ok := records[kind]
	if !ok {
		return fmt.Sprintf("Unknown record type %d at offset %d, skipping.", kind, offset), "", true, false
	}
	k := reader{rest: key[2:]}
	keyText = fmt.Sprintf(`{"type":"%d","data":%s}`, kind, k.message(known.key.fields))
	if k.err != nil {
		return fmt.Sprintf("Error at offset %d, skipping. The key is %v.", offset, k.err), "", true, false
	}
	if value == nil {
		return keyText, deleted, true, true
	}
	v := reader{rest: value}
	v.version = int16(v.number(2))
	v.flexible = v.version >= known.value.flexible
	if v.err == nil && (v.version < 0 || v.version > known.value.latest) {
		return fmt.Sprintf("Error at offset %d, skipping. The value has version %d.", offset, v.version), "", true, false
	}
	data := v.message(known.value.fields)
	if v.err != nil {
		return fmt.Sprintf("Error at offset %d, skipping. The value is %v.", offset, v.err), "", true, false
	}
	return keyText, fmt.Sprintf(`{"version":"%d","data":%s}`, v.version, data), true, true
}
