namespace IotPsk.Device.Host;

/// <summary>What <c>--rekey</c> does with each device before its application runs.</summary>
internal static class HostRekeying
{
    private const int Attempts = 10;
    private const int Pause = 1000;

    /// <summary>True if the vault has the key of the newest epoch now, or had it before.</summary>
    internal static bool Fetch(Vault vault, int slot, EventPrinter printer)
    {
        string device = vault.Describe(slot).DeviceId;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                RekeyedEvent.Print(printer, device, Rekeying.Fetch(vault, slot, VaultConnector.Timeout), null);
                return true;
            }
            catch (PskException busy) when (busy.Code == PskError.RekeyLater && attempt < Attempts)
            {
                // A gateway that is asked by a whole fleet at once takes them one after the other.
                Thread.Sleep(Pause);
            }
            catch (PskException problem)
            {
                RekeyedEvent.Print(printer, device, 0, problem);
                if (problem.Code == PskError.RekeyCurrent)
                    return true;
                printer.Problem(device, problem.Message);
                return false;
            }
        }
    }
}
