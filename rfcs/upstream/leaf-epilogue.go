package main

import "runtime"

// Makes no calls and has a frame of 65616 bytes. n is never negative, so the array is
// never touched, and a call costs little more than its prologue and its epilogue.
//
//go:noinline
func victim(n int) int {
	if n < 0 {
		var array [65600]byte
		array[n&0xff] = 1
		return int(array[n>>8&0xff])
	}
	return n
}

func main() {
	go func() {
		for n := 0; ; n = (n + 1) & 0xffff {
			victim(n)
		}
	}()
	for {
		runtime.GC()
	}
}
