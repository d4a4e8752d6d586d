package main

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strconv"
)

// The table of keys of one policy, in data that all workers share.
//
// Shared data cannot be removed, so a table has a fixed number of sets, made when it is configured, and each set room for a
// few keys. A key belongs to one set. Where a set is full, the key that has used the least makes room, and the set's floor
// remembers that any key that is not in it may have used so much: a key that comes in starts from there. So no key is ever
// taken to have used less than it has. The layout is that of the port in Rust: both can share a table.

// prefix is what stands before every key of shared data, with the version of the layout.
const prefix = "weir.ratelimit.1/"

var (
	// errConflict means that somebody else was first: read again and decide anew.
	errConflict = errors.New("another worker was first")
	// errRefused means that the host refused the call.
	errRefused = errors.New("the host refused")
)

// sharedData is data shared by all workers. A version is which writing of a value was read.
type sharedData interface {
	// get returns the value of a key and its version; 0 where nobody has written one.
	get(key string) (value []byte, version uint32, err error)
	// put writes a value over the one of this version.
	put(key string, value []byte, version uint32) error
}

// unwritten is a version that is no value's: hosts count versions from 1, so with this one a write succeeds only where there
// is no value yet.
const unwritten = math.MaxUint32

// table is a policy's table.
type table struct {
	// name is what the keys of its sets begin with.
	name string
	sets uint32
	seed uint64
}

// openTable opens the table of this name with room for at least so many keys, and makes it where there is none. Where there
// is one, it stays as it is, whatever its size: a new configuration refills nobody. The time seeds the digests, so that
// nobody outside can tell which keys share a set.
func openTable(shared sharedData, state, policy string, slots uint32, now uint64, limit limit) (table, error) {
	t := table{name: prefix + state + "/" + policy, sets: (slots + ways - 1) / ways, seed: now}
	record := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(nil, t.sets), t.seed)
	switch err := shared.put(t.name, record, unwritten); err {
	case nil:
		empty := set{limit: limit}.encode()
		for index := range t.sets {
			if err := shared.put(t.key(index), empty, unwritten); err != nil && err != errConflict {
				return t, err
			}
		}
		return t, nil
	case errConflict:
		record, _, err := shared.get(t.name)
		if err != nil || len(record) != 12 {
			return t, errRefused
		}
		t.sets, t.seed = binary.LittleEndian.Uint32(record), binary.LittleEndian.Uint64(record[4:])
		return t, nil
	default:
		return t, err
	}
}

// slots is how many keys it has room for.
func (t table) slots() uint32 {
	return t.sets * ways
}

// digest returns a digest to which the parts of a key are to be written.
func (t table) digest() *digest {
	var d digest
	d.writeNumber(t.seed)
	return &d
}

func (t table) key(index uint32) string {
	return t.name + "/" + strconv.FormatUint(uint64(index), 10)
}

// place is a key's place in its set, as it was read.
type place struct {
	key         string
	set         set
	version     uint32
	fingerprint uint64
	// used is what the key has used, or may have used.
	used usage
}

// read reads the place of a key.
func (t table) read(shared sharedData, fingerprint uint64, limit limit, now uint64) (*place, error) {
	key := t.key(uint32(fingerprint % uint64(max(t.sets, 1))))
	bytes, version, err := shared.get(key)
	if err != nil {
		return nil, err
	}
	set := decodeSet(bytes, limit, now)
	if version == 0 {
		version = unwritten
	}
	return &place{key, set, version, fingerprint, limit.at(set.find(fingerprint), now)}, nil
}

// write writes what the key has now used, and says whether another key made room for it.
func (p *place) write(shared sharedData, limit limit, used usage, now uint64) (evicted bool, err error) {
	evicted = p.set.put(p.fingerprint, used, limit, now)
	return evicted, shared.put(p.key, p.set.encode(), p.version)
}

// ways is how many keys a set has room for. More make the floor rise later, and every request copy more bytes.
const ways = 8

// set is one set of a table: the limit that its usages were kept under, the floor, and the keys that have used something.
type set struct {
	limit limit
	floor usage
	keys  []keyed
}

type keyed struct {
	fingerprint uint64
	used        usage
}

// find returns what a key has used; one that is not in the set may have used the floor.
func (s *set) find(fingerprint uint64) usage {
	for _, key := range s.keys {
		if key.fingerprint == fingerprint {
			return key.used
		}
	}
	return s.floor
}

// put keeps what a key has used. Where there is no room, the key that has used the least makes some, and the floor rises to
// what that one has used; it says whether one did.
func (s *set) put(fingerprint uint64, used usage, limit limit, now uint64) (evicted bool) {
	for i := range s.keys {
		if s.keys[i].fingerprint == fingerprint {
			s.keys[i].used = used
			return false
		}
	}
	s.floor = limit.at(s.floor, now)
	for i := range s.keys {
		s.keys[i].used = limit.at(s.keys[i].used, now)
	}
	s.keys = slices.DeleteFunc(s.keys, func(key keyed) bool { return limit.isUnused(key.used) })
	if len(s.keys) >= ways {
		least := 0
		for i := range s.keys {
			if limit.level(s.keys[i].used, now).less(limit.level(s.keys[least].used, now)) {
				least = i
			}
		}
		s.floor = limit.join(s.floor, s.keys[least].used)
		s.keys[least] = s.keys[len(s.keys)-1]
		s.keys = s.keys[:len(s.keys)-1]
		evicted = true
	}
	s.keys = append(s.keys, keyed{fingerprint, used})
	return evicted
}

const (
	headSize  = 17
	entrySize = 8 + usageSize
)

func (s set) encode() []byte {
	bytes := make([]byte, 0, headSize+usageSize+entrySize*len(s.keys))
	bytes = append(bytes, byte(s.limit.algorithm))
	bytes = binary.LittleEndian.AppendUint32(bytes, s.limit.quota)
	bytes = binary.LittleEndian.AppendUint32(bytes, s.limit.capacity)
	bytes = binary.LittleEndian.AppendUint64(bytes, s.limit.window)
	bytes = s.floor.appendTo(bytes)
	for _, key := range s.keys {
		bytes = binary.LittleEndian.AppendUint64(bytes, key.fingerprint)
		bytes = key.used.appendTo(bytes)
	}
	return bytes
}

// decodeSet reads a set, and where it was kept under another limit, carries over what every key has used. Bytes that are no
// set, which nobody writes, are an empty one.
func decodeSet(bytes []byte, limit limit, now uint64) set {
	s, ok := parseSet(bytes)
	if !ok {
		return set{limit: limit}
	}
	if s.limit != limit {
		s.floor = limit.adopt(s.floor, s.limit, now)
		for i := range s.keys {
			s.keys[i].used = limit.adopt(s.keys[i].used, s.limit, now)
		}
		s.limit = limit
	}
	return s
}

func parseSet(bytes []byte) (s set, ok bool) {
	order := binary.LittleEndian
	if len(bytes) < headSize+usageSize || bytes[0] > byte(slidingWindow) {
		return s, false
	}
	s.limit = limit{algorithm(bytes[0]), order.Uint32(bytes[1:]), order.Uint32(bytes[5:]), order.Uint64(bytes[9:])}
	if s.limit.quota == 0 || s.limit.window == 0 {
		return s, false
	}
	s.floor = usageOf(bytes[headSize:])
	for rest := bytes[headSize+usageSize:]; len(rest) >= entrySize; rest = rest[entrySize:] {
		s.keys = append(s.keys, keyed{order.Uint64(rest), usageOf(rest[8:])})
	}
	return s, true
}
