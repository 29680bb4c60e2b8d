// A goroutine calls a function in a loop while another one runs the garbage
// collector, which stops the first one wherever it is and unwinds its stack.
package main

import (
	"runtime"
	"sync/atomic"
)

var calls atomic.Uint64

func main() {
	go func() {
		for {
			for n := 0; n < 1000; n++ {
				victim(n)
			}
			calls.Add(1000)
		}
	}()
	for n := 1; n <= collections; n++ {
		runtime.GC()
		println("calls", calls.Load(), "collections", n)
	}
}
