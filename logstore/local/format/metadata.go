package format

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Names of the metadata files.
const (
	PartitionMetadataFile = "partition.metadata" // in a partition's folder
	MetaPropertiesFile    = "meta.properties"    // in a log directory
	LockFile              = ".lock"              // in a log directory
)

// UUID is an ID as Kafka writes it: base64 of RFC 4648 section 5, without padding (Uuid.java).
type UUID [16]byte

var uuidText = base64.RawURLEncoding.Strict()

// String is the text form, 22 characters.
func (u UUID) String() string { return uuidText.EncodeToString(u[:]) }

// IsZero reports whether the ID stands for none.
func (u UUID) IsZero() bool { return u == UUID{} }

// ParseUUID reads the text form. Error: [ErrMalformedMetadata].
func ParseUUID(text string) (UUID, error) {
	var u UUID
	if len(text) != uuidText.EncodedLen(len(u)) {
		return u, fmt.Errorf("%w: ID of %d characters", ErrMalformedMetadata, len(text))
	}
	if _, err := uuidText.Decode(u[:], []byte(text)); err != nil {
		return UUID{}, fmt.Errorf("%w: ID %q: %w", ErrMalformedMetadata, text, err)
	}
	return u, nil
}

const partitionMetadataVersion = 0

// AppendPartitionMetadata appends the content of partition.metadata to dst: which topic the folder belongs to,
// whatever its name.
func AppendPartitionMetadata(dst []byte, topicID UUID) []byte {
	return fmt.Appendf(dst, "version: %d\ntopic_id: %s", partitionMetadataVersion, topicID)
}

// DecodePartitionMetadata reads the content of partition.metadata. Later versions may add lines, as Kafka
// promises. Error: [ErrMalformedMetadata].
func DecodePartitionMetadata(p []byte) (topicID UUID, err error) {
	first, rest, _ := bytes.Cut(p, []byte("\n"))
	second, _, _ := bytes.Cut(rest, []byte("\n"))
	version, ok := strings.CutPrefix(strings.TrimSpace(string(clip(first))), "version:")
	if n, err := strconv.ParseInt(strings.TrimSpace(version), 10, 32); !ok || err != nil || n < partitionMetadataVersion {
		return UUID{}, fmt.Errorf("%w: %q is no version", ErrMalformedMetadata, clip(first))
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(string(clip(second))), "topic_id:")
	if !ok {
		return UUID{}, fmt.Errorf("%w: %q is no topic ID", ErrMalformedMetadata, clip(second))
	}
	topicID, err = ParseUUID(strings.TrimSpace(text))
	if err == nil && topicID.IsZero() {
		err = fmt.Errorf("%w: topic ID is zero", ErrMalformedMetadata)
	}
	return topicID, err
}

// clip keeps what is parsed and quoted short, whatever the file holds.
func clip(line []byte) []byte { return line[:min(len(line), 80)] }

// MetaProperties says whose log directory it is.
type MetaProperties struct {
	ClusterID   string
	NodeID      int32
	DirectoryID UUID // zero: none yet (KIP-858)
	// EpochFloor is ours: no leader epoch in this directory was as high when the offsets file was lost last; 0 if it never was. NoEpochFloor
	// if an Apache Kafka wrote the stamp, which has no such file to lose. Kafka doesn't mind the property.
	EpochFloor int32
}

// NoEpochFloor is the floor of a directory that has none.
const NoEpochFloor int32 = -1

const (
	metaPropertiesVersion = "1"
	epochFloorProperty    = "clatter.leader.epoch.floor"
)

// AppendTo appends the content of meta.properties to dst.
func (m MetaProperties) AppendTo(dst []byte) []byte {
	dst = appendProperty(dst, "version", metaPropertiesVersion)
	dst = appendProperty(dst, "cluster.id", m.ClusterID)
	dst = appendProperty(dst, "node.id", strconv.Itoa(int(m.NodeID)))
	if !m.DirectoryID.IsZero() {
		dst = appendProperty(dst, "directory.id", m.DirectoryID.String())
	}
	if m.EpochFloor != NoEpochFloor {
		dst = appendProperty(dst, epochFloorProperty, strconv.Itoa(int(m.EpochFloor)))
	}
	return dst
}

// DecodeMetaProperties reads the content of meta.properties. Errors: [ErrMalformedMetadata], also
// where no version is; [ErrUnknownVersion] for a later version, and for version 0, which is ZooKeeper's.
func DecodeMetaProperties(p []byte) (MetaProperties, error) {
	properties, err := parseProperties(p)
	if err != nil {
		return MetaProperties{}, err
	}
	switch version := strings.TrimSpace(properties["version"]); version {
	case metaPropertiesVersion:
	case "":
		return MetaProperties{}, fmt.Errorf("%w: meta.properties has no version", ErrMalformedMetadata)
	default:
		return MetaProperties{}, fmt.Errorf("%w: meta.properties has %q, want 1", ErrUnknownVersion, version)
	}
	m := MetaProperties{ClusterID: properties["cluster.id"], EpochFloor: NoEpochFloor}
	if m.ClusterID == "" {
		return MetaProperties{}, fmt.Errorf("%w: meta.properties has no cluster.id", ErrMalformedMetadata)
	}
	nodeID, err := strconv.ParseInt(properties["node.id"], 10, 32)
	if err != nil || nodeID < 0 || nodeID > math.MaxInt32 {
		return MetaProperties{}, fmt.Errorf("%w: node.id is %q", ErrMalformedMetadata, properties["node.id"])
	}
	m.NodeID = int32(nodeID)
	if text, ok := properties["directory.id"]; ok {
		if m.DirectoryID, err = ParseUUID(text); err != nil {
			return MetaProperties{}, fmt.Errorf("directory.id: %w", err)
		}
	}
	if text, ok := properties[epochFloorProperty]; ok {
		floor, err := strconv.ParseInt(text, 10, 32)
		if err != nil || floor < 0 {
			return MetaProperties{}, fmt.Errorf("%w: %s is %q", ErrMalformedMetadata, epochFloorProperty, text)
		}
		m.EpochFloor = int32(floor)
	}
	return m, nil
}
