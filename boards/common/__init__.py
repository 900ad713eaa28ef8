"""What boards share that have `machine`: the loop, the configuration, the network, the native code, the monitor."""
