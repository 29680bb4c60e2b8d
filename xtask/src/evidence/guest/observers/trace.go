// A goroutine calls a function in a loop, the collector stops it again and again, and
// the execution tracer records its stack each time.
package main

import (
	"io"
	"runtime"
	"runtime/trace"
	"sync/atomic"
)

var calls atomic.Uint64

func main() {
	if traced {
		if err := trace.Start(io.Discard); err != nil {
			panic(err)
		}
	}
	go loop()
	for n := 1; n <= collections; n++ {
		runtime.GC()
		println("calls", calls.Load(), "collections", n)
	}
}

// Has a large frame of its own, so that the stack keeps its size and what an earlier
// call left below is there when the next one opens its frame.
//
//go:noinline
func loop() {
	var room [96 << 10]byte
	use(&room)
	if filled {
		leave()
	}
	for {
		for n := 0; n < 1000; n++ {
			victim(n)
		}
		calls.Add(1000)
	}
}

//go:noinline
func use(room *[96 << 10]byte) {
	room[1] = 1
}

// Leaves text on the stack, as any function with a buffer does.
//
//go:noinline
func leave() {
	var buffer [locals]byte
	for n := range buffer {
		buffer[n] = 'A'
	}
	see(&buffer)
}

//go:noinline
func see(buffer *[locals]byte) {
	buffer[1] = 'B'
}
