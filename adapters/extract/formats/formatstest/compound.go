package formatstest

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// Stream is one stream of a compound file; its path has "/" between the names of the storages around it.
type Stream struct {
	Path string
	Data []byte
}

const (
	sector     = 512
	miniSector = 64
	cutoff     = 4096 // streams shorter than this live in the mini stream
	endOfChain = 0xfffffffe
	free       = 0xffffffff
	fatSector  = 0xfffffffd
)

// Compound returns a compound file (MS-CFB version 3) with those streams, and the storages that their paths name.
func Compound(streams ...Stream) []byte {
	root := &node{name: "Root Entry", kind: 5}
	all := []*node{root}
	for _, s := range streams {
		at := root
		names := strings.Split(s.Path, "/")
		for i, name := range names {
			next := at.child(name)
			if next == nil {
				next = &node{name: name, kind: 1}
				if i == len(names)-1 {
					next.kind, next.data = 2, s.Data
				}
				at.children, all = append(at.children, next), append(all, next)
			}
			at = next
		}
	}
	for i, n := range all {
		n.id = uint32(i)
	}
	var f compoundFile
	for _, n := range all {
		n.start = endOfChain
		if n.kind == 2 && len(n.data) > 0 && len(n.data) < cutoff {
			n.start = f.addMini(n.data)
		}
	}
	root.data = f.mini
	for _, n := range all {
		if n.kind == 5 && len(n.data) > 0 || len(n.data) >= cutoff {
			n.start = f.add(n.data)
		}
	}
	directory := f.add(entries(all))
	miniFAT := f.add(words(f.miniFAT))
	return f.finish(directory, miniFAT, (4*len(f.miniFAT)+sector-1)/sector)
}

type node struct {
	name     string
	kind     byte // 1 storage, 2 stream, 5 root
	data     []byte
	children []*node
	id       uint32
	start    uint32
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

type compoundFile struct {
	body    []byte // sectors after the header
	fat     []uint32
	mini    []byte
	miniFAT []uint32
}

// add appends data as a chain of sectors and returns the first of them.
func (f *compoundFile) add(data []byte) uint32 {
	if len(data) == 0 {
		return endOfChain
	}
	start := len(f.fat)
	n := (len(data) + sector - 1) / sector
	f.body = append(f.body, data...)
	f.body = append(f.body, make([]byte, n*sector-len(data))...)
	for i := range n {
		f.fat = append(f.fat, uint32(start+i+1))
	}
	f.fat[len(f.fat)-1] = endOfChain
	return uint32(start)
}

func (f *compoundFile) addMini(data []byte) uint32 {
	start := len(f.miniFAT)
	n := (len(data) + miniSector - 1) / miniSector
	f.mini = append(f.mini, data...)
	f.mini = append(f.mini, make([]byte, n*miniSector-len(data))...)
	for i := range n {
		f.miniFAT = append(f.miniFAT, uint32(start+i+1))
	}
	f.miniFAT[len(f.miniFAT)-1] = endOfChain
	return uint32(start)
}

func (f *compoundFile) finish(directory, miniFAT uint32, miniSectors int) []byte {
	const perSector = sector / 4
	own := 1 // sectors of the FAT, which lists itself
	for (len(f.fat)+own+perSector-1)/perSector > own {
		own++
	}
	first := len(f.fat)
	for range own {
		f.fat = append(f.fat, fatSector)
	}
	for len(f.fat)%perSector != 0 {
		f.fat = append(f.fat, free)
	}
	header := make([]byte, sector)
	copy(header, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	put := func(at int, v uint32) { binary.LittleEndian.PutUint32(header[at:], v) }
	copy(header[24:], []byte{0x3e, 0, 3, 0, 0xfe, 0xff, 9, 0, 6, 0})
	put(44, uint32(own))
	put(48, directory)
	put(56, cutoff)
	put(60, miniFAT)
	put(64, uint32(miniSectors))
	put(68, endOfChain)
	for i := range 109 {
		put(76+4*i, free)
		if i < own {
			put(76+4*i, uint32(first+i))
		}
	}
	return bytes.Join([][]byte{header, f.body, words(f.fat)}, nil)
}

func words(all []uint32) []byte {
	var b []byte
	for _, v := range all {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// entries is the directory: siblings hang on each other's right.
func entries(all []*node) []byte {
	right := map[uint32]uint32{}
	for _, n := range all {
		for i, c := range n.children {
			if i+1 < len(n.children) {
				right[c.id] = n.children[i+1].id
			}
		}
	}
	var b []byte
	for _, n := range all {
		e := make([]byte, 128)
		name := utf16.Encode([]rune(n.name + "\x00"))
		for i, u := range name {
			binary.LittleEndian.PutUint16(e[2*i:], u)
		}
		binary.LittleEndian.PutUint16(e[64:], uint16(2*len(name)))
		e[66], e[67] = n.kind, 1
		put := func(at int, v uint32) { binary.LittleEndian.PutUint32(e[at:], v) }
		put(68, free)
		put(72, free)
		put(76, free)
		if next, ok := right[n.id]; ok {
			put(72, next)
		}
		if len(n.children) > 0 {
			put(76, n.children[0].id)
		}
		put(116, n.start)
		put(120, uint32(len(n.data)))
		b = append(b, e...)
	}
	for len(b)%sector != 0 {
		e := make([]byte, 128)
		for _, at := range []int{68, 72, 76} {
			binary.LittleEndian.PutUint32(e[at:], free)
		}
		b = append(b, e...)
	}
	return b
}
