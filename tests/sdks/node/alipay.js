// alipay-sdk for Node.js, Ant Group's own. Key mode and certificate mode.
const { AlipaySdk } = require('alipay-sdk');
const { serve } = require('./lines.js');

serve((settings) => {
  const told = { appId: settings.app_id, gateway: settings.gateway, camelcase: false, encryptKey: settings.aes_key };
  const sdk = new AlipaySdk(settings.mode === 'certificate' ? {
    ...told,
    privateKey: settings.private_pem,
    keyType: 'PKCS8',
    appCertContent: settings.app_certificate,
    alipayPublicCertContent: settings.alipay_certificate,
    alipayRootCertContent: settings.alipay_root_certificate,
  } : {
    ...told,
    privateKey: settings.private_line, // PKCS1, as Alipay's key tool writes it
    alipayPublicKey: settings.alipay_public_line,
  });
  const notifyUrl = settings.notify_url;
  const call = (method, bizContent, more = {}) => sdk.exec(method, { bizContent, ...more }, { validateSign: true });
  const page = (method, how, { return_url: returnUrl, ...bizContent }) => (
    sdk.pageExecute(method, how, { bizContent, notifyUrl, returnUrl })
  );
  return {
    precreate: (biz) => call('alipay.trade.precreate', biz, { notifyUrl }),
    create: (biz) => call('alipay.trade.create', biz, { notifyUrl }),
    pay: (biz) => call('alipay.trade.pay', biz, { notifyUrl }),
    page: (biz) => {
      const full = { ...biz, product_code: 'FAST_INSTANT_TRADE_PAY' };
      const method = 'alipay.trade.page.pay';
      return { url: page(method, 'GET', full), form: page(method, 'POST', full) };
    },
    wap: (biz) => ({ url: page('alipay.trade.wap.pay', 'GET', { ...biz, product_code: 'QUICK_WAP_WAY' }) }),
    app: (biz) => sdk.sdkExecute('alipay.trade.app.pay', {
      bizContent: { ...biz, product_code: 'QUICK_MSECURITY_PAY' }, notifyUrl,
    }),
    query: (biz) => call('alipay.trade.query', biz),
    refund: (biz) => call('alipay.trade.refund', biz),
    refund_query: (biz) => call('alipay.trade.fastpay.refund.query', biz),
    close: (biz) => call('alipay.trade.close', biz),
    cancel: (biz) => call('alipay.trade.cancel', biz),
    bill: (biz) => call('alipay.data.dataservice.bill.downloadurl.query', biz),
    certificate: ({ sn }) => call('alipay.open.app.alipaycert.download', { alipay_cert_sn: sn }),
    alipay_sn: () => sdk.config.alipayCertSn,
    // With AES the SDK looks for braces in what has none, and so cannot verify the answer (its 4.14.0); what it can
    // decrypt was encrypted with the key that only the two know.
    encrypted_query: (bizContent) => sdk.exec('alipay.trade.query', { bizContent, needEncrypt: true }),
    verify: ({ body }) => sdk.checkNotifySignV2(Object.fromEntries(new URLSearchParams(body))),
  };
}, 'alipay-sdk');
