// wechatpay-axios-plugin, the SDK most Node.js shops use for WeChat Pay's APIv3.
const { gunzipSync } = require('node:zlib');
const { createHash } = require('node:crypto');
const { Wechatpay, Formatter, Rsa, Aes: { AesGcm } } = require('wechatpay-axios-plugin');
const { serve } = require('./lines.js');

/**
 * The platform certificates, fetched with the SDK, opened with the APIv3 key, and used to verify the answer they came in.
 * The downloader that the SDK brings (`wxpay crt`) does the same; in 0.9.6 it refuses every answer, WeChat Pay's too,
 * because the SDK copies the keys it is given before the downloader adds those it has found.
 */
const downloaded = async ({ secret, ...options }) => {
  const sdk = new Wechatpay({ ...options, certs: { none: undefined } });
  const { data: body, headers } = await sdk.v3.certificates.get({ transformResponse: [(text) => text] });
  const found = Object.fromEntries(JSON.parse(body).data.map(({ serial_no: serial, encrypt_certificate: sealed }) => (
    [serial, AesGcm.decrypt(sealed.ciphertext, secret, sealed.nonce, sealed.associated_data)]
  )));
  const text = Formatter.response(headers['wechatpay-timestamp'], headers['wechatpay-nonce'], body);
  const key = Rsa.from(found[headers['wechatpay-serial']], Rsa.KEY_TYPE_PUBLIC);
  if (!Rsa.verify(text, headers['wechatpay-signature'], key)) throw new Error('the certificates are not genuine');
  return found;
};

serve(async (settings) => {
  const { appid, mchid, serial, api_v3_key: secret, notify_url } = settings;
  const baseURL = `${settings.url}/`;
  const privateKey = Rsa.from(settings.private_pem, Rsa.KEY_TYPE_PRIVATE);
  const certs = {
    ...(settings.mode === 'public_key' ? {} : await downloaded({ baseURL, mchid, serial, privateKey, secret })),
    ...(settings.mode === 'certificate' ? {} : { [settings.public_key_id]: settings.public_key }),
  };
  const keys = Object.fromEntries(
    Object.entries(certs).map(([id, text]) => [id, Rsa.from(text, Rsa.KEY_TYPE_PUBLIC)]),
  );
  const sdk = new Wechatpay({ baseURL, mchid, serial, privateKey, certs });
  const { pay: { transactions }, refund: { domestic: { refunds } }, combineTransactions } = sdk.v3;

  /** Status and body, whatever the status is; what the SDK itself refuses stays an error. */
  const said = async (asked) => {
    try {
      const { status, data } = await asked;
      return { status, body: data || null };
    } catch (error) {
      if (!(error.response?.status >= 400)) throw error;
      return { status: error.response.status, body: error.response.data };
    }
  };
  const amount = (total) => ({ total, currency: 'CNY' });
  const order = ({ total, ...more }, extra = {}) => ({
    appid, mchid, notify_url, amount: amount(total), ...more, ...extra,
  });
  const sub = ({ total, ...one }) => ({ mchid, attach: '1', amount: { total_amount: total, currency: 'CNY' }, ...one });
  const [serialForFields] = Object.keys(certs).slice(-1);
  const sealed = (text) => Rsa.encrypt(text, keys[serialForFields]);

  return {
    native: (told) => said(transactions.native.post(order(told))),
    jsapi: ({ openid, ...told }) => said(transactions.jsapi.post(order(told, { payer: { openid } }))),
    app: (told) => said(transactions.app.post(order(told))),
    h5: (told) => said(transactions.h5.post(order(told, {
      scene_info: { payer_client_ip: '127.0.0.1', h5_info: { type: 'Wap' } },
    }))),
    codepay: ({ auth_code, ...told }) => said(transactions.codepay.post(order(told, {
      payer: { auth_code }, scene_info: { store_info: { id: 'S1' } }, notify_url: undefined,
    }))),
    client_params: ({ prepay_id }) => {
      const params = {
        appId: appid, timeStamp: `${Formatter.timestamp()}`, nonceStr: Formatter.nonce(),
        package: `prepay_id=${prepay_id}`,
      };
      const paySign = Rsa.sign(Formatter.joinedByLineFeed(...Object.values(params)), privateKey);
      return { ...params, signType: 'RSA', paySign };
    },
    query: ({ out_trade_no, transaction_id }) => said(out_trade_no
      ? transactions.outTradeNo._out_trade_no_.get({ params: { mchid }, out_trade_no })
      : transactions.id._transaction_id_.get({ params: { mchid }, transaction_id })),
    close: ({ out_trade_no }) => said(transactions.outTradeNo._out_trade_no_.close.post({ mchid }, { out_trade_no })),
    refund: ({ refund, total, ...more }) => said(
      refunds.post({ notify_url, amount: { refund, total, currency: 'CNY' }, ...more }),
    ),
    refund_query: ({ out_refund_no }) => said(refunds._out_refund_no_.get({ out_refund_no })),
    to_a_card: ({ refund_id, out_refund_no, bank_account, real_name }) => said(
      refunds._refund_id_.applyAbnormalRefund.post({
        out_refund_no, type: 'USER_BANK_CARD', bank_type: 'ICBC_DEBIT', bank_account: sealed(bank_account),
        real_name: sealed(real_name),
      }, { refund_id, headers: { 'Wechatpay-Serial': serialForFields } }),
    ),
    combine: ({ orders, ...more }) => said(combineTransactions.native.post({
      combine_appid: appid, combine_mchid: mchid, notify_url, sub_orders: orders.map(sub), ...more,
    })),
    combine_query: ({ combine_out_trade_no }) => said(
      combineTransactions.outTradeNo._combine_out_trade_no_.get({ combine_out_trade_no }),
    ),
    combine_close: ({ combine_out_trade_no, numbers }) => said(
      combineTransactions.outTradeNo._combine_out_trade_no_.close.post({
        combine_appid: appid, sub_orders: numbers.map((out_trade_no) => ({ mchid, out_trade_no })),
      }, { combine_out_trade_no }),
    ),
    bill: async ({ kind, day }) => {
      const params = kind === 'trade'
        ? { bill_date: day, bill_type: 'ALL', tar_type: 'GZIP' }
        : { bill_date: day, account_type: 'BASIC', tar_type: 'GZIP' };
      const told = await said((kind === 'trade' ? sdk.v3.bill.tradebill : sdk.v3.bill.fundflowbill).get({ params }));
      if (told.status !== 200) return told;
      const query = Object.fromEntries(new URL(told.body.download_url).searchParams);
      const { data } = await sdk.v3.billdownload.file.get({ params: query, responseType: 'arraybuffer' });
      const text = gunzipSync(data);
      const hash = createHash('sha1').update(text).digest('hex');
      return { ...told, file: Buffer.from(data).toString('base64'), hash, ...Formatter.castCsvBill(text) };
    },
    verify: ({ headers, body }) => {
      const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
      const text = Formatter.response(named['wechatpay-timestamp'], named['wechatpay-nonce'], body);
      const key = keys[named['wechatpay-serial']];
      if (!key || !Rsa.verify(text, named['wechatpay-signature'], key)) return null;
      const told = JSON.parse(body);
      const { nonce, associated_data: aad, ciphertext } = told.resource;
      return { ...told, resource: JSON.parse(AesGcm.decrypt(ciphertext, secret, nonce, aad)) };
    },
  };
}, 'wechatpay-axios-plugin');
