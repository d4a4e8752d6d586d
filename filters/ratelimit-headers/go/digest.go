package main

import (
	"encoding/binary"
	"math/bits"
)

// digest is SipHash-1-3 (J.-P. Aumasson and D. J. Bernstein) with a key of zeros: what Rust's standard library hashes with,
// so that ports in both languages know a key by the same number.
type digest struct{ bytes []byte }

// write writes text so that where it ends is part of the digest: `ab`, `c` is not `a`, `bc`.
func (d *digest) write(text string) {
	d.writeNumber(uint64(len(text)))
	d.bytes = append(d.bytes, text...)
}

func (d *digest) writeNumber(number uint64) {
	d.bytes = binary.LittleEndian.AppendUint64(d.bytes, number)
}

func (d *digest) writeByte(number byte) {
	d.bytes = append(d.bytes, number)
}

func (d *digest) sum() uint64 {
	v := [4]uint64{0x736f6d6570736575, 0x646f72616e646f6d, 0x6c7967656e657261, 0x7465646279746573}
	rest := d.bytes
	for ; len(rest) >= 8; rest = rest[8:] {
		block(&v, binary.LittleEndian.Uint64(rest))
	}
	var last [8]byte
	copy(last[:], rest)
	last[7] = byte(len(d.bytes))
	block(&v, binary.LittleEndian.Uint64(last[:]))
	v[2] ^= 0xff
	for range 3 {
		round(&v)
	}
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}

func block(v *[4]uint64, word uint64) {
	v[3] ^= word
	round(v)
	v[0] ^= word
}

func round(v *[4]uint64) {
	v[0] += v[1]
	v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
	v[0] = bits.RotateLeft64(v[0], 32)
	v[2] += v[3]
	v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
	v[0] += v[3]
	v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
	v[2] += v[1]
	v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
	v[2] = bits.RotateLeft64(v[2], 32)
}
