package configdef

// ValueError says that a value is not allowed for a key. Its text is that of Kafka's
// ConfigException, because it reaches clients as the message of INVALID_CONFIG and
// tools compare it.
type ValueError struct {
	// Key is the name of the key. It is empty where Kafka's text stands alone and
	// names the key itself.
	Key string
	// Value is the offending value as Kafka prints it: as it was given where it
	// couldn't be parsed, as it was parsed where a check refused it.
	Value string
	// Reason says what is allowed.
	Reason string
}

// Error is Kafka's text: "Invalid value X for configuration Y: reason".
func (e *ValueError) Error() string {
	if e.Key == "" {
		return e.Reason
	}
	text := "Invalid value " + e.Value + " for configuration " + e.Key
	if e.Reason == "" {
		return text
	}
	return text + ": " + e.Reason
}
