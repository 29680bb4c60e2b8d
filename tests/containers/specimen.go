package main

import (
	"fmt"
	"os"
)

type shape interface{ area() float64 }
type square struct{ side float64 }

func (s square) area() float64 { return s.side * s.side }

//go:noinline
func large(n int) byte {
	var room [65600]byte
	for i := range room {
		room[i] = byte(i * n)
	}
	return room[n]
}

func main() {
	defer func() { recover() }()
	var all []shape
	for i := range os.Args {
		all = append(all, square{float64(i)})
	}
	for _, s := range all {
		fmt.Println(s.area(), large(len(all)))
	}
}
