using IotPsk.Bogo;

// Exit codes of BoringSSL's runner: 0 as wanted, 89 not implemented here, anything else a failure whose name is on standard error.
try
{
    ShimFlags flags = ShimFlags.Parse(args);
    if (flags.AsksForHandshaker)
    {
        Console.WriteLine("No");
        return 0;
    }
    new Shim(flags).Run();
    return 0;
}
catch (NotImplementedHereException e)
{
    Console.Error.WriteLine($"not implemented: {e.Message}");
    return 89;
}
catch (ShimFailureException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
