using System.Net;
using IotPsk.Net.Native;

namespace IotPsk.Net;

/// <summary>A listener could not be opened. The message names the address, the cause, and what to do.</summary>
public sealed class ListenException : IOException
{
    internal ListenException(string listener, IPEndPoint endPoint, int errno)
        : base($"Listener '{listener}' cannot listen on {endPoint}: {Errno.Describe(errno)}{Advice(errno)}.")
    {
        Listener = listener;
        EndPoint = endPoint;
        NativeError = errno;
    }

    /// <summary>The listener's name.</summary>
    public string Listener { get; }

    /// <summary>The address that was asked for.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>errno of the failed call.</summary>
    public int NativeError { get; }

    /// <summary>True if another socket holds the address.</summary>
    public bool IsAddressInUse => NativeError == Errno.EADDRINUSE;

    private static string Advice(int errno) => errno switch
    {
        Errno.EADDRINUSE => "; another program (or another instance) holds the port: stop it or choose another port",
        Errno.EADDRNOTAVAIL => "; no interface of this machine has that address",
        Errno.EACCES => "; ports below 1024 need CAP_NET_BIND_SERVICE",
        _ => "",
    };
}
